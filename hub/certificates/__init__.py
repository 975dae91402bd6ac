"""The certificate of analysis that the hub writes: of an order's product, as one reader may see it. Decides nothing."""
