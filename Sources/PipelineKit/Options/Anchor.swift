/// Where to place something within an area, such as a logo in the frame: a corner, the middle of a side, or the centre.
public enum Anchor: String, OptionValue, CaseIterable, Codable, Hashable {
    case topLeft = "top-left"
    case top
    case topRight = "top-right"
    case left
    case center
    case right
    case bottomLeft = "bottom-left"
    case bottom
    case bottomRight = "bottom-right"

    /// The horizontal position as a fraction of the width: 0 is the left edge, 1 the right edge.
    public var x: Double {
        switch self {
        case .topLeft, .left, .bottomLeft: 0
        case .top, .center, .bottom: 0.5
        case .topRight, .right, .bottomRight: 1
        }
    }

    /// The vertical position as a fraction of the height: 0 is the top edge, 1 the bottom edge.
    public var y: Double {
        switch self {
        case .topLeft, .top, .topRight: 0
        case .left, .center, .right: 0.5
        case .bottomLeft, .bottom, .bottomRight: 1
        }
    }
}
