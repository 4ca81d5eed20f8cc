"""Accord under fuzz: Atheris looks for inputs that break what every format, kernel and archive must hold.

    make fuzz                                 every target, 10,000 executions each
    make fuzz RUNS=200000 TARGETS="values opening"
    python -m fuzz.replay values FILE         one input again, without Atheris

docs/fuzzing.md says what is checked, what it found and how a finding becomes a test.
"""
