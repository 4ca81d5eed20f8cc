"""Bulk data: Arrow schemas, the line cutter, value rules and the kernel's building blocks."""
