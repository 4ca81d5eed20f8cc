"""Operations: findings and reports for every country, and what became of them."""
