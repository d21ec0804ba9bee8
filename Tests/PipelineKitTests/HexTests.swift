import Foundation
import PipelineKit
import Testing

@Suite struct HexTests {
    @Test func encodesInLowerCase() {
        #expect([UInt8]([0, 9, 10, 0xAB, 0xFF]).lowercaseHex == "00090aabff")
        #expect(Data().lowercaseHex.isEmpty)
    }

    @Test func decodesWhatItEncodes() {
        let bytes = (0...255).map { UInt8($0) }
        #expect([UInt8](hex: bytes.lowercaseHex) == bytes)
        #expect(Data(hex: bytes.lowercaseHex.uppercased()) == Data(bytes))
    }

    @Test(arguments: ["0", "0g", "+f", " 0", "é"]) func refusesOtherText(_ text: String) {
        #expect([UInt8](hex: text) == nil)
    }
}
