"""One module a revision. A revision that was released is never changed: what was wrong is put right by the next."""
