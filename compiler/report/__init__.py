"""Reports: everything that the compiler knows of a program as one page that needs no server and no network.

    program -> slots (what stands where, at every stage) -> outline (lines and positions) -> data -> page

`report_data` is a pure function of a program and what was measured of it; the page is a template, a style and
a script, kept as files beside the modules, around the data.
"""
