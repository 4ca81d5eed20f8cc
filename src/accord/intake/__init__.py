"""Deliveries: custody of the bytes, opening them within bounds, parsing into observations, rejects, receipts."""
