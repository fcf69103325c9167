"""What every run needs, whoever starts it: settings, protocol, checkpoints, training, errors.

The commands (``cli``) and the experiments (``analysis``) stand on it; it knows neither.
"""
