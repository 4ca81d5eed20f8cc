"""The check by e-mail: who enters a mail address gets the same reply always, and who reads its mail learns the rest."""
