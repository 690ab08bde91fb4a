// The configuration that is used when there is none: everything on loopback, one trunk, one number that echoes.

/** What findings and logs call it. */
export const DEMO_FILE = '(built-in demonstration)';

/** A trunkyard.yaml like any other; a good one to begin with. */
export const DEMO_YAML = `# The built-in demonstration: nothing outside this machine can reach it.
listen:
  sip: [udp://127.0.0.1:5060, tcp://127.0.0.1:5060]
  http: http://127.0.0.1:8080
media:
  addresses:
    - { bind: 127.0.0.1, advertise: null, ports: 20000-29999 }
store:
  url: sqlite:./data/trunkyard.db
trunks:
  # Whoever is on this machine may call in.
  - name: demo
    allow: [127.0.0.0/8]
    gateways: []
    cps: 200
    channels: 2000
routes:
  # Dial 9196 and hear yourself. Any other number is answered with 404.
  - { number: "9196", destination: echo }
`;
