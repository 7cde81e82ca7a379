"""The one Jinja environment: strict, no clock, no paths, C++-looking line statements (`//%`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import jinja2

from tinygen.core.resources import resource_dir


@cache
def environment() -> jinja2.Environment:
    """The environment over `templates/`. Values arrive ready in typed views; only formatting filters live here."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_dir("templates")),
        undefined=jinja2.StrictUndefined,
        line_statement_prefix="//%",
        line_comment_prefix="//#",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render(template: str, values: Mapping[str, object]) -> bytes:
    """Render one template to UTF-8 bytes with LF line ends."""
    return environment().get_template(template).render(**values).encode()
