"""One file per task: labels, features, network layers as data, decision rule, acceptance."""
