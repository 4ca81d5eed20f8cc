"""The engines that merge observations: one module each."""
