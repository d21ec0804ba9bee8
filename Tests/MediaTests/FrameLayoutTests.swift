import Media
import PipelineKit
import Testing

@Suite struct FrameLayoutTests {
    private func layout(
        _ width: Int, _ height: Int, aspect: Rational = Rational(1, 1), turned rotation: Int = 0,
        mirrored: Bool = false, fit: DeliveryOptions.Fit = .crop, focus: DeliveryOptions.Focus = .center
    ) -> FrameLayout {
        FrameLayout(
            of: StoredFrame(
                size: PixelSize(width: width, height: height), sampleAspectRatio: aspect,
                orientation: Orientation(rotation: rotation, mirrored: mirrored)),
            on: PixelSize(width: 1080, height: 1920), fit: fit, focus: focus)
    }

    @Test func cropsTheMiddleOfALandscapeFrame() {
        #expect(layout(1920, 1080).crop == FrameRegion(x: 656, y: 0, width: 608, height: 1080))
    }

    @Test func cropsTowardsTheFocus() {
        #expect(layout(1920, 1080, focus: .init(x: 0, y: 0.5)).crop?.x == 0)
        #expect(layout(1920, 1080, focus: .init(x: 1, y: 0.5)).crop?.x == 1920 - 608)
    }

    @Test func leavesAVerticalFrameWhole() {
        #expect(layout(1080, 1920).crop == nil)
        #expect(layout(1920, 1080, turned: 90).crop == nil)
        #expect(!layout(406, 720, fit: .blur).leavesRoom)
    }

    @Test func mapsTheCropBackThroughTurnAndMirror() {
        // Stored 1080×1920, shown 1920×1080: the left third of what is shown.
        let left = DeliveryOptions.Focus(x: 0, y: 0.5)
        #expect(
            layout(1080, 1920, turned: 90, focus: left).crop == FrameRegion(x: 0, y: 1312, width: 1080, height: 608))
        #expect(layout(1080, 1920, turned: 270, focus: left).crop == FrameRegion(x: 0, y: 0, width: 1080, height: 608))
        #expect(layout(1920, 1080, turned: 180, focus: left).crop?.x == 1312)
        #expect(layout(1920, 1080, mirrored: true, focus: left).crop?.x == 1312)
    }

    @Test func countsSquarePixels() {
        // 720×576 with pixels of 64:45 is 16:9.
        #expect(layout(720, 576, aspect: Rational(64, 45)).crop?.width == 228)
    }

    @Test func placesTheFrameOnEvenPixels() {
        let padded = layout(1920, 1080, fit: .pad)
        #expect((padded.width, padded.height) == (1080, 608))
        #expect((padded.x, padded.y) == (0, 656))
        #expect(padded.leavesRoom)
    }
}
