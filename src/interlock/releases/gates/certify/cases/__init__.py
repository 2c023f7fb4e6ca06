"""The gate's cases: what a release is asked to do, each with a name. Built from what a manifest claims.

A case is played on a :class:`~interlock.releases.gates.certify.stage.Stage`; it returns when all is right and raises
:class:`~interlock.releases.gates.certify.stage.CaseFailed` when it is not. Whether the money is where it belongs is
asked again for all cases together, by the auditor.
"""
