"""The compiler, in layers: ir < ops < importer < rewrite < kernels < plan < reference."""
