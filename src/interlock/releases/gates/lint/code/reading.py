"""``lint.reads``: what the code asks of account and manifest is there, and what they declare is used.

A setting that accounts need not have is missing from those that are older than it; a table that nothing reads rules
nothing; a header with another name than the provider's is no header.
"""

import ast

from interlock.gateways.manifest import Manifest
from interlock.releases.gates.lint.code.source import Function, Module
from interlock.releases.gates.lint.notes import Notes
from interlock.releases.gates.providers.tables import ProviderTable

CHECK = "reads"
_GROUPS = frozenset({"settings", "credentials"})


def check(modules: dict[str, Module], manifest: Manifest, table: ProviderTable | None, notes: Notes) -> None:
    """Look at every setting, credential, table and header the code names, or should."""
    for module in modules.values():
        for node in module.nodes:
            if isinstance(node, ast.Subscript) and _is_group(node.value):
                _check_name(module, node, node.value, node.slice, manifest, notes, certain=True)
            elif isinstance(node, ast.Call) and node.args and _is_group(getattr(node.func, "value", node.func)):
                group = getattr(node.func, "value", node.func)
                _check_name(module, node, group, node.args[0], manifest, notes, certain=False)
    _check_tables(modules, manifest, table, notes)
    _check_headers(modules, manifest, table, notes)
    _check_declared(modules, manifest, notes)


def _is_group(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in _GROUPS


def _check_name(
    module: Module,
    node: ast.AST,
    group: ast.expr,
    key: ast.expr,
    manifest: Manifest,
    notes: Notes,
    *,
    certain: bool,
) -> None:
    notes.looked(CHECK)
    kind = group.attr if isinstance(group, ast.Attribute) else ""
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        problem = f"picks one of the {kind} by a name made at run time"
        module.report(notes, CHECK, node, problem, "name it")
        return
    name = key.value
    if name not in (manifest.settings if kind == "settings" else manifest.credentials):
        problem = f"reads {kind}.{name}, which the manifest does not declare"
        module.report(notes, CHECK, node, problem, "declare it or correct its name")
        return
    if not certain:
        return
    if kind == "settings":
        setting = manifest.settings[name]
        always = setting.default is not None or set(setting.required_in) == {"live", "test"}
    else:
        always = manifest.credentials[name].required
    if not always:
        problem = f"takes {kind}.{name} for granted, which accounts need not have"
        module.report(notes, CHECK, node, problem, "use .get and leave out what is absent")


def _check_tables(modules: dict[str, Module], manifest: Manifest, table: ProviderTable | None, notes: Notes) -> None:
    read = {node.attr for module in modules.values() for node in module.nodes if isinstance(node, ast.Attribute)}
    codes = manifest.codes
    resends = "resend" in manifest.capabilities.inquiry
    declared: dict[str, bool] = {
        "statuses": bool(codes.statuses),
        "declines": bool(codes.declines),
        "refusals": bool(codes.refusals),
        "uncertain": bool(codes.uncertain),
        "currency_exponents": True,
        "amount_multiples": bool(manifest.currencies.multiples),
        "inquiry_delay_ms": manifest.inquiry.consistency_delay_ms > 0,
        "resend_within_ms": resends,
        "webhook_tolerance_ms": manifest.webhook is not None and manifest.webhook.tolerance_ms > 0,
        "api_version": bool(table and table.versions.header and manifest.api_version),
    }
    for name, needed in declared.items():
        notes.looked(CHECK)
        if needed and name not in read:
            problem = f"never reads tables.{name}, so that what the manifest says of it rules nothing"
            notes.fail(CHECK, "package", problem, f"work by tables.{name}")


def _check_headers(modules: dict[str, Module], manifest: Manifest, table: ProviderTable | None, notes: Notes) -> None:
    texts = {str(node.value).lower() for module in modules.values() for node in module.texts()}
    known = {"auth.header": manifest.auth.header, "idempotency.header": manifest.idempotency.header}
    if manifest.webhook is not None and manifest.webhook.signature_header:
        known["webhook.signature_header"] = manifest.webhook.signature_header
    if table is not None:
        known["auth.header"], known["idempotency.header"] = table.auth.header, table.idempotency.header
        if table.versions.header:
            known["versions.header"] = table.versions.header
    for what, header in known.items():
        notes.looked(CHECK)
        if header.lower() not in texts:
            problem = f"names the header {header} nowhere ({what})"
            notes.fail(CHECK, "package", problem, "send it, or read it, under exactly this name")
    for module in modules.values():
        for function in module.functions.values():
            _check_envelope(module, function, known, notes)


def _check_envelope(module: Module, function: Function, known: dict[str, str], notes: Notes) -> None:
    """A function that writes the authentication of a request writes its other headers too."""
    texts = {
        node.value.lower()
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    if known["auth.header"].lower() not in texts:
        return
    notes.looked(CHECK)
    needed = [known[what] for what in ("versions.header",) if what in known]
    needed += [known["idempotency.header"]] if "post" in texts else []
    for header in needed:
        if header.lower() not in texts:
            problem = f"{function.name} leaves out {header}"
            module.report(notes, CHECK, function, problem, "send it with every request of this kind")


def _check_declared(modules: dict[str, Module], manifest: Manifest, notes: Notes) -> None:
    read = {field for module in modules.values() for field in _keys_read(module)}
    for name, credential in manifest.credentials.items():
        notes.looked(CHECK)
        if name not in read:
            problem = f"never reads the credential {name}{'' if credential.required else ', which accounts may give'}"
            notes.fail(CHECK, f"manifest.toml credentials.{name}", problem, "use it or remove it")
    for name in manifest.settings:
        notes.looked(CHECK)
        in_url = f"{{{name}}}" in manifest.hosts.live.base_url + manifest.hosts.test.base_url
        if name not in read and not in_url:
            notes.fail(CHECK, f"manifest.toml settings.{name}", "is never read", "use it or remove it")


def _keys_read(module: Module) -> set[str]:
    found: set[str] = set()
    for node in module.nodes:
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript) and _is_group(node.value):
            key = node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_group(node.func.value):
            key = node.args[0] if node.args else None
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            found.add(key.value)
    return found
