//! Blocks of IP addresses.

use std::net::IpAddr;

/// A block of addresses, v4 or v6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    network: u128,
    bits: u32,
    is_v4: bool,
}

impl Cidr {
    /// The block of one address.
    pub(crate) fn of(address: IpAddr) -> Self {
        let (network, is_v4) = number_of(address);
        Self {
            network,
            bits: width(is_v4),
            is_v4,
        }
    }

    /// Reads `ADDRESS/BITS`.
    ///
    /// # Errors
    /// What AWS says of one that is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        let (Some(address), Some(bits), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err("Malformed CIDR, one '/' required".to_owned());
        };
        let bits: i32 = bits
            .parse()
            .map_err(|_| "Malformed CIDR, mask bits must be an integer")?;
        let bits =
            u32::try_from(bits).map_err(|_| "Malformed CIDR, mask bits must not be negative")?;
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("Nonstandard IP address: {address}"))?;
        let (address, is_v4) = number_of(address);
        let width = width(is_v4);
        if bits > width {
            return Err(format!("Malformed CIDR, mask bits must be at most {width}"));
        }
        Ok(Self {
            network: masked(address, bits, width),
            bits,
            is_v4,
        })
    }

    pub(crate) fn contains(&self, address: &str) -> bool {
        let Ok(address) = address.parse::<IpAddr>() else {
            return false;
        };
        let (address, is_v4) = number_of(address);
        is_v4 == self.is_v4 && masked(address, self.bits, width(is_v4)) == self.network
    }
}

fn number_of(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), true),
        IpAddr::V6(address) => (address.to_bits(), false),
    }
}

fn width(is_v4: bool) -> u32 {
    if is_v4 { 32 } else { 128 }
}

fn masked(address: u128, bits: u32, width: u32) -> u128 {
    address.checked_shr(width - bits).unwrap_or(0)
}
