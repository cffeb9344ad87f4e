"""MLflow asked directly over REST: what the demonstration believes about the end state comes from here."""

import json
import urllib.error
import urllib.parse
import urllib.request

MODEL = "churn-model"
BASELINE_ALIAS, CANDIDATE_ALIAS = "champion", "challenger"
STATUS_TAG = "headgate.status"


class RegistryFailed(Exception):
    """MLflow refused a call or did not answer."""


class Registry:
    """One model in one MLflow, with stages or with aliases."""

    def __init__(self, uri: str, mode: str, model: str = MODEL):
        self._base, self.mode, self.model = f"{uri}/api/2.0/mlflow/", mode, model

    def versions(self) -> dict[str, dict]:
        """Version → {stage, tags}, of all versions."""
        found, token = {}, ""
        while True:
            query = {"filter": f"name='{self.model}'", "max_results": 200}
            if token:
                query["page_token"] = token
            answer = self._call("GET", "model-versions/search", query)
            for version in answer.get("model_versions", []):
                tags = {tag["key"]: tag["value"] for tag in version.get("tags", [])}
                found[version["version"]] = {"stage": version.get("current_stage", "None"), "tags": tags}
            token = answer.get("next_page_token")
            if not token:
                return dict(sorted(found.items(), key=lambda item: int(item[0])))

    def aliases(self) -> dict[str, str]:
        """Alias → version."""
        model = self._call("GET", "registered-models/get", {"name": self.model})["registered_model"]
        return {alias["alias"]: alias["version"] for alias in model.get("aliases", [])}

    def production(self) -> list[str]:
        """The versions users should be on, as the registry names them; one when all is well."""
        if self.mode == "aliases":
            return [version for alias, version in self.aliases().items() if alias == BASELINE_ALIAS]
        return [number for number, version in self.versions().items() if version["stage"] == "Production"]

    def archived(self, number: str) -> bool:
        """Whether a version is out of use: its stage, or where there are no stages its tag."""
        version = self.versions()[number]
        if self.mode == "aliases":
            return version["tags"].get(STATUS_TAG, "").lower() == "archived" and number not in self.aliases().values()
        return version["stage"] == "Archived"

    def make_production(self, number: str) -> None:
        """The very first version, before there is anything to roll out from."""
        if self.mode == "aliases":
            self._call("POST", "registered-models/alias", alias(self.model, BASELINE_ALIAS, number))
        else:
            body = {"name": self.model, "version": number, "stage": "Production", "archive_existing_versions": False}
            self._call("POST", "model-versions/transition-stage", body)

    def make_challenger(self, number: str) -> None:
        self._call("POST", "registered-models/alias", alias(self.model, CANDIDATE_ALIAS, number))

    def lines(self) -> list[str]:
        """The end state, one line per version."""
        names: dict[str, list[str]] = {}
        if self.mode == "aliases":
            for name, number in self.aliases().items():
                names.setdefault(number, []).append(name)
        lines = []
        for number, version in self.versions().items():
            what = version["stage"] if self.mode == "stages" else ", ".join(sorted(names.get(number, []))) or "no alias"
            status = version["tags"].get(STATUS_TAG)
            lines.append(f"version {number}  {what}" + (f"  ({STATUS_TAG}={status})" if status else ""))
        return lines

    def _call(self, method: str, path: str, content: dict) -> dict:
        url, data = self._base + path, None
        if method == "GET":
            url += "?" + urllib.parse.urlencode(content)
        else:
            data = json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as refused:
            text = refused.read().decode(errors="replace")[:300]
            raise RegistryFailed(f"{method} {path}: {refused.code} {text}") from None
        except OSError as problem:
            raise RegistryFailed(f"{method} {path}: {problem}") from None


def alias(model: str, name: str, number: str) -> dict:
    return {"name": model, "alias": name, "version": number}
