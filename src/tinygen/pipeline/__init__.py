"""One function per verb (`verbs`, `doctor`), the steps they stand on (`steps`): the only place that wires rooms."""
