"""Cyber Activity Reports: one view in, one folder out, for people (PDF, HTML, letter) and for machines.

`publish.write` writes the folder; docs/outputs.md says what every file and column in it means.
"""
