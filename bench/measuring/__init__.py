"""The instruments: clocks, memory, and a description of the machine."""
