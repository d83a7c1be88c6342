"""Vitruvian: prior authorization by CRD, DTR and PAS."""

__version__ = "0.1.0"
