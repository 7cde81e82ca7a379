"""What tests and benches share and no user needs.

Made-up models, cases of every operator, a device that is none, faulty lines.
"""
