"""Who is who: VIPs, balancers, servers, gateways and clients, inferred from packets or declared by TOML."""
