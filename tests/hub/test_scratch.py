from tests.hub import house, world
from tests.hub.world import v2, msh, pid


def show(a):
    print(a.decode().replace("\r", "\n"))


def test_a(hub, who):
    for m in [
        b"hello",
        b"MSH|",
        b"",
        v2(msh("ZZZ^Z01", "M1"), pid(who)),
        v2("MSH|^~\\&|A"),
        world.order(who, "M2").replace(b"20260301083000-0600", b"2026-13-01"),
        world.order(who, "M3").replace(b"71.5", b"seventy"),
        world.order(who, "M3b").replace(b"|19410211|", b"|1941021199|"),
        world.order(who, "M4") + world.order(who, "M5"),
        world.order(who, "M6").replace(b"Familie", b"Fam\xff\xfeilie"),
        world.order(who, "M7"),
        world.order(who, "M7"),
        world.order(who, "M7").replace(b"71.5", b"72.5"),
        world.order(who, "M8")[:200],
        v2(msh("OML^O21^OML_O21", "M9", version="2.3"), pid(who)),
        v2(msh("ACK^O21", "M10"), "MSA|AA|1"),
        v2(msh("OML^O21^OML_O21", "M11", version="2.3"), "ORC|NW|A^B"),
        v2(msh("ORU^R01", "M12"), "OBR|1"),
    ]:
        print("=====", m[:200].replace(b"\r", b"\n").decode("latin-1"))
        show(hub.send(m))
    for row in hub.rows("select id, type, source_id, outcome, parts, body, repeats from inbox"):
        print(row)
    print([(i["rule"], i["severity"], i["text"]) for i in hub.journey(who)["issues"]])
    print(hub.logs.events())
