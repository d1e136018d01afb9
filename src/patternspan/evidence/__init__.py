"""Evidence: closed segments sealed by Merkle roots and a chain of hashes, checked, vouched for elsewhere, proved."""
