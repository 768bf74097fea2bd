"""Steps and checks of the season about what is on air.

``airings`` is what people say of broadcasts and figures, and stays what they said last.
``broadcasts`` is what recorders report, and that no second is lost. ``switching`` restarts
the portal without this plug-in and with it again; no row and no job is lost.
"""
