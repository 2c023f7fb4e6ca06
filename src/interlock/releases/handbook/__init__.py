"""The integration handbook: one page about one integration for the engineer who runs it, made from its manifest.

Pure. Called by the command line (and by whoever shows a release); :func:`interlock.releases.handbook.rendering.
render_handbook` makes Markdown and HTML of :class:`~interlock.releases.handbook.types.HandbookFacts`. Every sentence is
either a fact of the manifest, of a gate's report or of a release's history, or true of every connector.
"""
