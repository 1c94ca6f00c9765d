"""Balance endpoints under the addresses that existing clients already call."""
