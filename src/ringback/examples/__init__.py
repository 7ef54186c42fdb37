"""An example call log, which `ringback demo` imports."""
