"""What the Python clients' tests print, in words that do not depend on the server."""


def show(*values):
    print(*(value if isinstance(value, str) else repr(value) for value in values))


def failing(call):
    """The error that a call ends with: its class, SQLSTATE and the first line of what was said, without what Onerow adds
    to a syntax error."""
    try:
        call()
    except Exception as error:
        # SQLAlchemy keeps the driver's own.
        error = getattr(error, "orig", None) or error
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        return (type(error).__name__, state, str(error).split("\n")[0].split(": expected ")[0])
    return "no error"
