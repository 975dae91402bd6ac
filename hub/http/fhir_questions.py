"""Questions asked as operations: the order is found, references become names, the answer is rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from canonical_model.values import instant_text
from hub.access import sees_kind
from hub.answers import Given
from hub.committer import Committer
from hub.http import asking
from hub.http import fhir_operations as operations
from hub.http.auth import OPERATORS
from hub.http.fhir_interactions import Interactions
from hub.http.fhir_operations import Asked
from hub.http.fhir_request import Refused, missing
from hub.http.problems import refusal
from hub.orders import ISSUE_SYSTEM
from hub.profiles import Profile
from hub.resources import SERVED, Found
from hub.vault import Vault

if TYPE_CHECKING:
    from hub.bootstrap import Hub

Tree = dict[str, Any]


class FhirQuestions:
    """The questions of one hub, asked by FHIR."""

    def __init__(self, hub: Hub, interactions: Interactions) -> None:
        self._hub, self._do = hub, interactions

    async def ask(self, profile: Profile, question: str, order: str | None, arguments: Asked) -> Tree:
        """The answer as Parameters. `order` is the id of the order where it is asked of one.

        Raises Refused, and RequestValidationError with all faults of the arguments.
        """
        await self._do.caught_up()
        return await self._hub.pipeline.run(  # type: ignore[no-any-return]
            lambda committer: self._answer(committer, profile, question, order, arguments)
        )

    def _answer(
        self, committer: Committer, profile: Profile, question: str, order: str | None, arguments: Asked
    ) -> Tree:
        body = operations.body_of([self._named(committer, profile, name, value) for name, value in arguments])
        if order is not None:
            if "order" in body:
                raise Refused(422, refusal("value", "order", "the order is the one in the address: leave it out"))
            body["order"] = _main_names(self._of(committer, profile, operations.OF, order))
        given = asking.read(question, body)
        partner = given.partner if given.partner and profile.role in OPERATORS else profile.partner
        if partner not in self._hub.profiles:
            raise missing()
        told = self._hub.questions.ask(committer, asking.wanted(question, given, partner, profile.partner))
        issues = self._issues(committer, told) if sees_kind(profile, "issue") else {}
        return operations.parameters(told, instant_text(self._hub.clock()), issues)

    def _of(self, committer: Committer, profile: Profile, type_: str, record_id: str) -> Found:
        found = self._hub.resources.get(committer, profile, type_, record_id)
        if found is None:
            raise missing()
        return found

    def _named(self, committer: Committer, profile: Profile, name: str, value: Any) -> tuple[str, Any]:
        """An argument by its name; a reference is the first name of what it leads to. Raises Refused."""
        if not isinstance(value, dict) or "reference" not in value:
            return name, value
        type_, _, record_id = str(value["reference"]).rpartition("/")
        if type_ not in SERVED:
            raise Refused(422, refusal("reference-unknown", name, "refer to a resource of this server, as Type/id"))
        found = self._of(committer, profile, type_, record_id)
        names = self._of_person(committer, profile, found) if found.kind == "subject" else _main_names(found)
        if not names:
            raise missing()
        return name, {key: names[0][key] for key in ("system", "value")}

    def _of_person(self, committer: Committer, profile: Profile, found: Found) -> Sequence[Mapping[str, Any]]:
        """The numbers of a patient that this partner told of."""
        tokens = [identifier["value"] for identifier in found.body["identifiers"]]
        vault, now = Vault(self._hub.keys, committer.connection, self._hub.settings.region), self._hub.clock()
        known = vault.look(tokens, profile.partner, profile.partner, instant_text(now)).get("identifiers", [])
        return [number for number in known if vault.names([number])]

    @staticmethod
    def _issues(committer: Committer, given: Given) -> Mapping[tuple[str, str], Tree]:
        """References to the open Issues of the order, by rule and text."""
        if not given.journey:
            return {}
        rows = committer.connection.all("issues_of", given.journey)
        return {
            (row[2], row[5]): {
                "reference": f"DetectedIssue/{row[0]}",
                "type": "DetectedIssue",
                "identifier": {"system": ISSUE_SYSTEM, "value": row[0]},
            }
            for row in rows
            if row[9] is None
        }


def _main_names(found: Found) -> Sequence[Mapping[str, Any]]:
    """The names that tell a record from all others: an order's placer numbers, or whatever it has."""
    names = [{"system": name["system"], "value": name["value"], **_type(name)} for name in found.body["identifiers"]]
    return [name for name in names if name.get("type") == "placer"] or names[:1]


def _type(name: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": name["type"]} if name.get("type") else {}
