"""What partners' systems do at a hub beside TAXII: upload deliveries, ask what became of them, report outcomes."""
