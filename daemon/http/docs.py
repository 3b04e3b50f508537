"""A page of the API's routes and fields, made from its OpenAPI description; works offline.

FastAPI's own page loads its scripts from another host, which a node's door must not.
"""

from collections.abc import Mapping
from html import escape
from typing import cast

Schema = Mapping[str, object]
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem}code{font-family:ui-monospace,monospace}td{padding:.1rem 1rem .1rem 0;"
    "vertical-align:top}h2{margin:2rem 0 0;font-size:1.1rem}"
)


def render_docs(schema: Schema) -> str:
    """Return the page for the OpenAPI description `schema`."""
    info = _table(schema, "info")
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{_text(info, 'title')} API</title>",
        '<meta name=viewport content="width=device-width,initial-scale=1">',
        f"<style>{_STYLE}</style><h1>{_text(info, 'title')}</h1><p>{_text(info, 'summary')} ",
        "The same, for programs: <a href=/openapi.json>openapi.json</a>.</p>",
    ]
    for path, methods in _table(schema, "paths").items():
        for method, operation in cast("Schema", methods).items():
            parts.append(_render_operation(path, method, cast("Schema", operation)))
    parts.append("<h1>Values</h1>")
    for name, model in _table(_table(schema, "components"), "schemas").items():
        parts.append(_render_model(name, cast("Schema", model)))
    return "".join(parts)


def _render_operation(path: str, method: str, operation: Schema) -> str:
    parameters = cast("list[Schema]", operation.get("parameters", []))
    rows = "".join(
        f"<tr><td><code>{_text(item, 'name')}</code><td>{_text(item, 'in')}"
        f"<td>{_text(item, 'description')}"
        for item in parameters
    )
    title = f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2>"
    return f"{title}<p>{_text(operation, 'summary')}</p><table>{rows}</table>"


def _render_model(name: str, model: Schema) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(key)}</code><td>{escape(_type_name(cast('Schema', value)))}"
        f"<td>{_text(cast('Schema', value), 'description')}"
        for key, value in _table(model, "properties").items()
    )
    title = f"<h2><code>{escape(name)}</code></h2>"
    return f"{title}<p>{_text(model, 'description')}</p><table>{rows}</table>"


def _type_name(value: Schema) -> str:
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if "anyOf" in value:
        return " or ".join(_type_name(arm) for arm in cast("list[Schema]", value["anyOf"]))
    if value.get("type") == "array" and "items" in value:
        return f"list of {_type_name(_table(value, 'items'))}"
    return str(value.get("type", "any"))


def _table(of: Schema, key: str) -> Schema:
    return cast("Schema", of.get(key, {}))


def _text(of: Schema, key: str) -> str:
    return escape(str(of.get(key, "")))
