"""The ground floor: errors, fixed-point arithmetic, digests, files, processes and the values every room reports in."""
