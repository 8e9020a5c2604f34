"""`dsrcheck rules` and `dsrcheck explain`: what is checked, and why. `dsrcheck schema`: what a report looks like."""

from __future__ import annotations

import click

from dsrcheck import output
from dsrcheck.cli.common import FORMAT, RULES, Failure, load_catalogue, write_json


@click.command()
@FORMAT
@RULES
def rules(form: str, folders: tuple[str, ...]) -> None:
    """List the rules."""
    from dsrcheck.rules import as_dict

    catalogue = load_catalogue(folders)
    if form == "json":
        write_json([as_dict(rule) for rule in catalogue])
        return
    from dsrcheck.report.layout import paragraph

    for rule in catalogue:
        output.print_data(f"{rule.id} {rule.name} ({rule.severity})\n")
        output.print_data("\n".join(paragraph(rule.summary, 4)) + "\n")


@click.command(short_help="Explain a rule, and how to mend what breaks it.")
@click.argument("rule")
@FORMAT
@RULES
def explain(rule: str, form: str, folders: tuple[str, ...]) -> None:
    """Explain a rule: what it checks, why it matters, how to mend what breaks it."""
    from dsrcheck.rules import RuleError, as_dict, find_rule
    from dsrcheck.rules import explain as explanation

    try:
        found = find_rule(load_catalogue(folders), rule)
    except RuleError as error:
        raise Failure(str(error)) from None
    if form == "json":
        write_json(as_dict(found))
    else:
        output.print_data(explanation(found))


@click.command()
@click.option("--live", is_flag=True, help="Of a line of `live --headless --format json` instead.")
def schema(live: bool) -> None:
    """Print the JSON Schema of the report."""
    if live:
        from dsrcheck.live.lines import schema as line_schema

        write_json(line_schema())
    else:
        from dsrcheck.report.json import schema as report_schema

        write_json(report_schema())
