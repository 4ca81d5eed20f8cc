"""Operations: cases with a scope, participants and recipients."""
