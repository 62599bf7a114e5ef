//! Addresses in rules: networks, and this machine.

use std::net::IpAddr;

/// From where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// Anywhere.
    All,
    /// This machine: a loopback address, or the one that was connected to.
    SameHost,
    /// A network.
    Net(Net),
}

impl Address {
    /// Whether a client with the address `peer`, which connected to `local`, is there.
    pub fn holds(&self, peer: IpAddr, local: IpAddr) -> bool {
        let (peer, local) = (peer.to_canonical(), local.to_canonical());
        match self {
            Address::All => true,
            Address::SameHost => peer.is_loopback() || peer == local,
            Address::Net(net) => net.holds(peer),
        }
    }
}

/// The addresses that have the first bits in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Net {
    base: IpAddr,
    prefix: u32,
}

impl Net {
    /// `10.0.0.0/8`, `::1/128`. None when it is no such thing, or when bits are set behind the prefix, which nobody
    /// means.
    pub fn parse(text: &str) -> Option<Net> {
        let (base, prefix) = text.split_once('/')?;
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        Net::new(base.parse().ok()?, prefix.parse().ok().filter(|_| digits)?)
    }

    /// An address and a mask, `10.0.0.0` and `255.0.0.0`.
    pub fn masked(base: &str, mask: &str) -> Option<Net> {
        let (base, mask): (IpAddr, IpAddr) = (base.parse().ok()?, mask.parse().ok()?);
        let (bits, width) = bits(mask);
        let prefix = (bits << (128 - width)).leading_ones();
        let whole = prefix_mask(prefix, width) == bits && base.is_ipv4() == mask.is_ipv4();
        whole.then(|| Net::new(base, prefix)).flatten()
    }

    fn new(base: IpAddr, prefix: u32) -> Option<Net> {
        let (value, width) = bits(base);
        (prefix <= width && value & !prefix_mask(prefix, width) == 0).then_some(Net { base, prefix })
    }

    fn holds(&self, address: IpAddr) -> bool {
        let ((base, width), (value, other)) = (bits(self.base), bits(address));
        width == other && base == value & prefix_mask(self.prefix, width)
    }
}

/// An address as a number, and how many bits it has.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    }
}

/// The first bits of so many.
fn prefix_mask(prefix: u32, width: u32) -> u128 {
    let all = if width == 128 { u128::MAX } else { (1 << width) - 1 };
    let rest = if prefix >= width { 0 } else { all >> prefix };
    all & !rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let holds = |net: &str, address: &str| Net::parse(net).unwrap().holds(ip(address));
        assert!(holds("10.0.0.0/8", "10.255.1.2") && !holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("0.0.0.0/0", "255.255.255.255") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("192.168.1.7/32", "192.168.1.7") && !holds("192.168.1.7/32", "192.168.1.6"));
        assert!(holds("::/0", "2001:db8::1") && holds("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!holds("2001:db8::/32", "2001:db9::1") && holds("::1/128", "::1"));
        for wrong in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/+8", "::1/129", "host/8"] {
            assert_eq!(Net::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Net::masked("10.0.0.0", "255.0.0.0"), Net::parse("10.0.0.0/8"));
        assert_eq!(Net::masked("10.1.2.3", "255.255.255.255"), Net::parse("10.1.2.3/32"));
        assert_eq!(Net::masked("0.0.0.0", "0.0.0.0"), Net::parse("0.0.0.0/0"));
        assert_eq!(Net::masked("2001:db8::", "ffff:ffff::"), Net::parse("2001:db8::/32"));
        assert_eq!(Net::masked("10.0.0.0", "255.0.255.0"), None);
        assert_eq!(Net::masked("10.0.0.0", "ffff::"), None);
        let local = ip("192.168.1.1");
        assert!(Address::SameHost.holds(ip("::ffff:192.168.1.1"), local));
        assert!(Address::SameHost.holds(ip("127.0.0.9"), local) && !Address::SameHost.holds(ip("192.168.1.2"), local));
        // A socket for both kinds of addresses sees the older ones in the newer form.
        assert!(Address::Net(Net::parse("10.0.0.0/8").unwrap()).holds(ip("::ffff:10.1.1.1"), local));
    }
}
