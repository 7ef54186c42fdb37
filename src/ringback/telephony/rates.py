"""What a call cost, as plain decimal text. No currencies: nobody reports one."""

from decimal import Decimal, InvalidOperation

NO_RATE = "0.0000"


def format_rate(rate: Decimal) -> str:
    """Return a call's cost as the wire has it, with four places: 0.0125."""
    return f"{rate:.4f}"


def read_rate(text: str) -> str | None:
    """Return a reported cost as plain decimal text, or None when it is no finite number from 0 to a billion."""
    try:
        rate = Decimal(text.strip())
    except InvalidOperation:
        return None
    if not rate.is_finite() or not 0 <= rate <= 10**9:
        return None
    return f"{rate.copy_abs():f}"  # minus zero is zero
