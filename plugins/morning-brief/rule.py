"""On weekday mornings, raises news and podcasts that end before the house leaves."""

from componentize_py_types import Err
from wit_world.imports import host
from wit_world.imports.types import (
    Action_Boost,
    Failure_InvalidSetting,
    Failure_MissingInput,
    Ruling_Adjust,
    Verdict,
)

# Row of [[reason]] in plugin.toml.
FITS = 0

# Monday is 1.
SATURDAY = 6

KINDS = ("news", "podcast")


def number(name):
    try:
        return float(host.setting(name))
    except (TypeError, ValueError):
        raise Err(Failure_InvalidSetting(name)) from None


class Rule:
    def check(self):
        number("leave")
        number("weight")

    def rank(self, context, candidates):
        left = number("leave") - context.minute_of_day()
        verdicts = []
        if context.facet("daypart") == "morning" and context.weekday() < SATURDAY and left > 0:
            minutes = candidates.feature("minutes")
            if minutes is None:
                raise Err(Failure_MissingInput("minutes"))
            weight = number("weight")
            for kind in KINDS:
                for position in candidates.of_kind(kind):
                    # NaN, which is absent, is not at most anything.
                    if minutes[position] <= left:
                        verdicts.append(Verdict(position, Action_Boost(weight), FITS))
        return Ruling_Adjust(verdicts)
