"""HTTP: the TeleCMI dialect, the receivers, operations. What is decided here is only how things are said."""
