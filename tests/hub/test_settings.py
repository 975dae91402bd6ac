"""Settings and profiles: what is unsafe or wrong is refused before anything listens, all at once."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from hub.bootstrap import build
from hub.profiles import ProfileError, load
from hub.settings import Settings, is_loopback
from tests.hub import house, receivers, world
from tests.hub.conftest import Ran
from tests.hub.house import msa
from tests.hub.world import Person

Open = Callable[..., house.House]


class Authority:
    """A small certificate authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test ca")])
        self.file = folder / "ca.pem"
        self.file.write_bytes(self._sign(self._name, self._key.public_key(), ca=True))

    def _sign(self, subject: x509.Name, public: ec.EllipticCurvePublicKey, ca: bool) -> bytes:
        now = dt.datetime.now(dt.UTC)
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str) -> tuple[Path, Path]:
        """Certificate and key of somebody."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, secret = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate.write_bytes(self._sign(subject, key.public_key(), ca=False))
        no_password = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, no_password))
        return certificate, secret


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


# ---- listening ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "hub.example", ""])
@pytest.mark.parametrize("name", ["http_host", "mllp_host"])
def test_a_hub_does_not_listen_beyond_loopback_without_tls(name: str, host: str) -> None:
    with pytest.raises(ValidationError, match=f"CGT_{name.upper()}=.*CGT_TLS_CERTIFICATE and CGT_TLS_KEY"):
        Settings.model_validate({name: host})


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("127.9.9.9", True),
        ("127.0.0.1.evil.example", False),
        ("0.0.0.0", False),
    ],
)
def test_loopback_is_told_by_address(host: str, near: bool) -> None:
    assert is_loopback(host) is near


@pytest.mark.parametrize("given", [{"tls_certificate": "c"}, {"tls_key": "k"}, {"tls_client_ca": "a"}])
def test_half_a_tls_is_none(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="CGT_TLS_CERTIFICATE and CGT_TLS_KEY"):
        Settings.model_validate(given)


@pytest.mark.parametrize(
    "given", [{"synchronous": "OFF"}, {"synchronous": "NORMAL"}, {"group": 0}, {"max_message": 10**9}, {"patience": 0}]
)
def test_settings_that_lose_data_or_know_no_bounds_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(given)


def test_mllp_beyond_loopback_asks_who_is_there(tmp_path: Path, overlay: Path, authority: Authority) -> None:
    """MLLP carries no token: a port that others reach is served to a named certificate only."""
    certificate, key = authority.issue("hub")
    found = world.profiles(tmp_path, overlay)
    world.write_profiles(tmp_path / "partners", found)
    tls: dict[str, Any] = {"tls_certificate": certificate, "tls_key": key, "mllp_host": "0.0.0.0"}
    with pytest.raises(ProfileError) as refused:
        build(Settings(data=tmp_path / "data", partners=tmp_path / "partners", **tls))
    assert refused.value.faults == [
        f"{name}: mllp.client_certificate: name it, because CGT_MLLP_HOST=0.0.0.0 is not loopback"
        for name in ("lakeside", "northern")
    ]
    found["lakeside"]["mllp"]["client_certificate"] = "lakeside"
    del found["northern"]["mllp"]
    world.write_profiles(tmp_path / "partners", found)
    with pytest.raises(ProfileError, match=r"lakeside: mllp\.client_certificate: set CGT_TLS_CLIENT_CA"):
        build(Settings(data=tmp_path / "data", partners=tmp_path / "partners", **tls))


def test_mllp_over_tls_serves_the_named_certificate_and_no_other(
    open_house: Open, authority: Authority, who: Person
) -> None:
    certificate, key = authority.issue("hub")

    def named(found: dict[str, dict[str, Any]]) -> None:
        found["lakeside"]["mllp"]["client_certificate"] = "lakeside"
        del found["northern"]["mllp"]

    hub = open_house(named, tls_certificate=certificate, tls_key=key, tls_client_ca=authority.file)

    def wrapped(name: str) -> Callable[[Any], Any]:
        context = ssl.create_default_context(cafile=authority.file)
        if name:
            context.load_cert_chain(*authority.issue(name))
        return lambda plain: context.wrap_socket(plain, server_hostname="127.0.0.1")

    with hub.line(wrap=wrapped("lakeside")) as line:
        assert msa(line.ask(world.order(who, "TLS-1"))) == ("AA", "TLS-1")
    with hub.line(wrap=wrapped("somebody")) as line:
        assert line.ask(world.order(who, "TLS-2")) == b""
    with contextlib.suppress(OSError), hub.line(wrap=wrapped("")) as line:
        assert line.ask(world.order(who, "TLS-3")) == b""
    with contextlib.suppress(OSError, AssertionError), hub.line() as line:
        line.ask(world.order(who, "TLS-4"))
    assert [row[0] for row in hub.rows("SELECT source_id FROM inbox")] == ["TLS-1"]


def test_what_is_sent_beyond_the_machine_is_sent_by_tls_to_a_trusted_receiver(
    open_house: Open, authority: Authority, tmp_path: Path, who: Person
) -> None:
    stranger = Authority(tmp_path)
    with (
        receivers.interface(tls=authority.issue("ehr")) as trusted,
        receivers.interface(tls=stranger.issue("x")) as other,
    ):

        def change(found: dict[str, dict[str, Any]]) -> None:
            world.told(found, trusted.port, "http://127.0.0.1:9/")
            found["lakeside"]["mllp"] |= {"send_tls": True, "send_ca": str(authority.file)}
            found["northern"]["products"] = ["AXI-CEL"]
            found["northern"]["sends"] = found["lakeside"]["sends"]
            found["northern"]["mllp"] |= {"send_host": "127.0.0.1", "send_port": other.port}
            found["northern"]["mllp"] |= {"send_tls": True, "send_ca": str(authority.file)}

        hub = open_house(change)
        hub.send(world.order(who, "OUT-1"))
        hub.send(world.apheresis(who, "OUT-2"))
        hub.dropped("qc-1.csv", world.qc(who))
        hub.until(lambda: len(trusted.received) == 2)
        hub.until(lambda: hub.rows("SELECT 1 FROM delivery WHERE partner = 'northern' AND attempts > 0"))
        notes = hub.rows("SELECT state, note FROM delivery WHERE partner = 'northern' AND attempts > 0")
        assert ("waiting", "SSLCertVerificationError") in notes
        assert other.received == []
        hub.stop()


def test_a_profile_does_not_send_persons_in_the_clear(tmp_path: Path, overlay: Path) -> None:
    found = world.profiles(tmp_path, overlay)
    found["lakeside"]["mllp"] |= {"send_host": "ehr.example", "send_port": 2575}
    found["heron"]["http"]["post_to"] = "http://courier.example/in"
    found["foundry"]["http"]["post_to"] = "https://user:secret@cdmo.example/in"
    world.write_profiles(tmp_path / "partners", found)
    with pytest.raises(ProfileError) as refused:
        load(tmp_path / "partners")
    told = str(refused.value)
    assert "send_tls: true" in told
    assert "use https://" in told
    assert "post_token_file" in told
    assert "secret" not in told
    assert len(refused.value.faults) == 3


# ---- profiles -------------------------------------------------------------------------------------------------


def test_all_faults_of_all_profiles_are_told_at_once(tmp_path: Path, overlay: Path) -> None:
    found = world.profiles(tmp_path, overlay)
    found["lakeside"] |= {"role": "hospitl", "zone": "America/Chicgo", "colour": "blue"}
    found["northern"]["mllp"]["listen"] = 99999
    found["foundry"]["sends"] = [{"events": ["result.reprted"], "message": "mes_csv/qc_results"}]
    found["heron"]["http"]["token_sha256"] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    found["watch"]["overlay"] = str(tmp_path / "nowhere")
    world.write_profiles(tmp_path / "partners", found)
    (tmp_path / "partners" / "zz.yaml").write_text("partner: [unclosed\nname: secret-name", encoding="utf-8")
    with pytest.raises(ProfileError) as refused:
        load(tmp_path / "partners")
    told = "\n".join(refused.value.faults)
    for place in (
        "lakeside.yaml: role: ",
        "lakeside.yaml: zone: ",
        "lakeside.yaml: colour: ",
        "northern.yaml: mllp.listen: ",
        "foundry.yaml: sends.0.events: ",
        "heron.yaml: http.token_sha256: ",
        "watch.yaml: overlay: ",
        "zz.yaml: not YAML: line 2",
    ):
        assert place in told, told
    assert "known are" in told
    assert "secret-name" not in told


def test_two_partners_cannot_have_what_tells_them_apart_in_common(tmp_path: Path, overlay: Path) -> None:
    found = world.profiles(tmp_path, overlay)
    found["heron"]["http"]["token_sha256"] = found["lakeside"]["http"]["token_sha256"]
    found["northern"]["files"] = {"drop": found["foundry"]["files"]["drop"]}
    for name in ("lakeside", "northern"):
        found[name]["mllp"]["listen"] = 2575
    world.write_profiles(tmp_path / "partners", found)
    with pytest.raises(ProfileError) as refused:
        load(tmp_path / "partners")
    assert sorted(refused.value.faults) == [
        "foundry and northern: one files.drop for two partners",
        "heron and lakeside: one token for two partners",
        "lakeside and northern: one mllp.listen for two partners",
    ]


def test_a_profile_that_names_no_table_is_refused_before_the_start(
    tmp_path: Path, overlay: Path, cgt_hub: Callable[..., Ran]
) -> None:
    found = world.profiles(tmp_path, overlay)
    found["foundry"]["files"]["dialects"] = {"*": "mes_csv/unheard"}
    world.write_profiles(tmp_path / "partners", found)
    with pytest.raises(ProfileError, match=r"foundry: files\.dialects: no mes_csv/unheard; there are: "):
        build(Settings(data=tmp_path / "data", partners=tmp_path / "partners"))
    ran = cgt_hub("serve", data=tmp_path / "data", partners=tmp_path / "partners")
    assert (ran.code, "mes_csv/unheard" in ran.err) == (2, True)
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("name", ["hub", "Big", "a b", "", "../up"])
def test_a_partners_name_is_a_plain_word(tmp_path: Path, overlay: Path, name: str) -> None:
    found = {"x": {**world.profiles(tmp_path, overlay)["watch"], "partner": name}}
    world.write_profiles(tmp_path / "partners", found)
    with pytest.raises(ProfileError, match=r"x\.yaml: partner: "):
        load(tmp_path / "partners")


def test_no_folder_of_profiles_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="CGT_PARTNERS"):
        load(tmp_path / "nowhere")


def test_a_token_is_compared_and_never_kept(hub: house.House) -> None:
    assert hub.http("watch").get("/api/doctor").status_code == 200
    profiles = "".join(path.read_text(encoding="utf-8") for path in (hub.home / "partners").iterdir())
    assert not [token for token in world.TOKENS.values() if token in profiles]
    assert httpx.get(f"{hub.base}/api/doctor?access_token={world.TOKENS['watch']}").status_code == 401
