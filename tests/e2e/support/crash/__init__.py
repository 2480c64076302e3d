"""The crash test: programs are killed at random moments while tasks start and stop, then everything is compared.

Reading order: `ledger` (what was acknowledged, what was found wrong), `witness` (counts starts without Berth), `errands`
(what clients do meanwhile), `machine` (what is on the host), `siege` (a Berth under attack, with tasks that must stand),
`rounds` (who is killed when).
"""
