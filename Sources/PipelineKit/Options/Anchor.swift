/// A corner, a side or the middle of an area.
public enum Anchor: String, OptionValue, CaseIterable, Codable, Hashable {
    /// The upper left corner.
    case topLeft = "top-left"
    /// The middle of the upper side.
    case top
    /// The upper right corner.
    case topRight = "top-right"
    /// The middle of the left side.
    case left
    /// The middle.
    case center
    /// The middle of the right side.
    case right
    /// The lower left corner.
    case bottomLeft = "bottom-left"
    /// The middle of the lower side.
    case bottom
    /// The lower right corner.
    case bottomRight = "bottom-right"

    /// 0 is left, 1 right.
    public var x: Double {
        switch self {
        case .topLeft, .left, .bottomLeft: 0
        case .top, .center, .bottom: 0.5
        case .topRight, .right, .bottomRight: 1
        }
    }

    /// 0 is top, 1 bottom.
    public var y: Double {
        switch self {
        case .topLeft, .top, .topRight: 0
        case .left, .center, .right: 0.5
        case .bottomLeft, .bottom, .bottomRight: 1
        }
    }
}
