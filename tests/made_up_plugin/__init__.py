"""Letters about matches: a plug-in that exists in the tests only.

``test_made_up_plugin`` installs it as ``plugins.letters`` in a tree of its own.
"""
