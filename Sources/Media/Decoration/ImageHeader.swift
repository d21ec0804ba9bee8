/// Format and size from the first bytes of an image file.
struct ImageHeader {
    var format: StillImage.Format
    var width: Int
    var height: Int

    init?(_ bytes: [UInt8]) {
        func big(_ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }
        func little(_ at: Int) -> Int { Int(bytes[at + 1]) << 8 | Int(bytes[at]) }
        if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), bytes.count >= 24 {
            self.init(format: .png, width: big(16) << 16 | big(18), height: big(20) << 16 | big(22))
        } else if bytes.starts(with: [0xff, 0xd8, 0xff]) {
            var at = 2
            while at + 9 < bytes.count, bytes[at] == 0xff {
                let marker = bytes[at + 1]
                // Any start-of-frame marker; the excluded ones are tables in the same range.
                if (0xc0...0xcf).contains(marker), ![0xc4, 0xc8, 0xcc].contains(marker) {
                    self.init(format: .jpeg, width: big(at + 7), height: big(at + 5))
                    return
                }
                at += marker == 0xff ? 1 : 2 + max(2, big(at + 2))
            }
            return nil
        } else if bytes.starts(with: Array("RIFF".utf8)), bytes.count >= 30, bytes[8..<12].elementsEqual("WEBP".utf8) {
            switch String(decoding: bytes[12..<16], as: UTF8.self) {
            case "VP8 ": self.init(format: .webp, width: little(26) & 0x3fff, height: little(28) & 0x3fff)
            case "VP8L":
                let bits = little(21) | little(23) << 16
                self.init(format: .webp, width: (bits & 0x3fff) + 1, height: (bits >> 14 & 0x3fff) + 1)
            case "VP8X":
                self.init(
                    format: .webp, width: (little(24) | Int(bytes[26]) << 16) + 1,
                    height: (little(27) | Int(bytes[29]) << 16) + 1)
            default: return nil
            }
        } else {
            return nil
        }
    }

    private init(format: StillImage.Format, width: Int, height: Int) {
        self.format = format
        self.width = width
        self.height = height
    }
}
