"""A fleet at work: discrete events over calls, and what two plans of posts differ by.

Arrays in, plain values out; `gridsvc.operations.simulation` makes them of a district.
"""
