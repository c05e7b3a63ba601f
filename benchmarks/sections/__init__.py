"""What is measured, a module each. Each has a function that takes a `Site` and a `Plan` and returns what it found, ready for JSON.

`rounds` in what they return are samples by contender; `figures` are numbers that were measured once; `problems` says of a contender what
was wrong with its answers, or why it did not take part.
"""
