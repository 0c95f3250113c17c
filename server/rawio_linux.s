// The compiler accepts functions without a body, such as yield, only in a package with an
// assembly file.
