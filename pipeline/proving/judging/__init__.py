"""Any repository judged, whoever wrote it: what is read of it, what of that is used, what a judge sees and holds."""
