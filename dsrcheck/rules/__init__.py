"""Rules: load them, judge tables by them, explain them.

A rule file states what must hold in one condition over the columns of a table (`columns` lists them); cleverness lives
in the tables. `catalogue` loads and checks rule files, `expression` compiles their conditions, `evaluate` judges.
"""

from dsrcheck.rules.catalogue import find_rule, load_rules, select_rules
from dsrcheck.rules.evaluate import evaluate
from dsrcheck.rules.explain import as_dict, explain
from dsrcheck.rules.rule import Example, Rule
from dsrcheck.rules.source import RuleError

__all__ = [
    "Example",
    "Rule",
    "RuleError",
    "as_dict",
    "evaluate",
    "explain",
    "find_rule",
    "load_rules",
    "select_rules",
]
