"""Advice: what an exchange with workers costs against what it saves, measured, predicted and simulated."""
